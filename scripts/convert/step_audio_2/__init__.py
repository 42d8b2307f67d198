"""What scripts/convert_step_audio_2.py reads and writes, one kind of file a module."""
