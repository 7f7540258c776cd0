"""What a stack and the program that has databases follow git have in common."""

# What the exit code is the sum of.
OTHER = 10  # another state was put in place
LATER = 20  # a server does not answer yet
