"""One baseline in the place of many migrations, proved to make the same."""
