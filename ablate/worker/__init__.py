"""The loop that claims a job, trains it in a child process, and records what it measures.

The supervisor half (`supervisor`) talks to the database and imports no PyTorch; the trainer half (`trainer`) is a child
process that serves many jobs and is thrown away after any failure. They speak in `messages` over a pipe.
"""
