"""The history of a project as values: sessions in short, and the trends that their points make."""
