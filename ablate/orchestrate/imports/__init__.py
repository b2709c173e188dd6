"""Results of other tools as studies: a file for each kind of source, and one path from there into the database."""
