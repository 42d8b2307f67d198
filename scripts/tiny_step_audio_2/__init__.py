"""Small random checkpoints in the layout of the Step-Audio 2 family, one kind of file a module (make_tiny_bundle.py)."""
