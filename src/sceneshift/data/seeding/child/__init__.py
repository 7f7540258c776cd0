"""What runs in the project's own interpreter.

It needs the standard library and SQLAlchemy, and nothing else: `sceneshift` may not be
installed there.
"""
