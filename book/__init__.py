"""The book's own code: its chapters' exercises and numbers, and the tools they share. `minigrad` is the engine."""
