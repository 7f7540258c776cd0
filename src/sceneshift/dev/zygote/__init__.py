"""What runs inside the user's interpreter: standard library only.

The supervisor starts `python .../zygote LABEL` in a process's own interpreter and
environment. That process, the zygote, imports the third-party modules which the program
uses, and forks a child for each generation of the project's code. Nothing here is
imported by the user's code, and nothing of the user's is imported here. Nor is what a
small program may do without (dataclasses, typing, pathlib): 15 ms at each start.
"""
