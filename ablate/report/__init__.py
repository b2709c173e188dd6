"""What a study says: tables, pictures, Markdown and exports, drawn from stored rows alone.

`results` reads the rows once, `analysis` judges them, everything else only shows what those two hold.
"""
