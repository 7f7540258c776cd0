"""The running stack: processes, reload, output and the word from elsewhere."""
