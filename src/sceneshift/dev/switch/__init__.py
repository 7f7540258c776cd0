"""Another environment for a stack that runs: beside the old one, all or nothing."""
