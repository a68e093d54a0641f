"""The book's code: the exercises and numbers of its chapters, and the tools they share. The engine is `minigrad`."""
