// Owner of the precompiled header that every file with ATen in it reuses.
