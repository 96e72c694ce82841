"""Archives as their owners publish them, to the layouts that the data sets read (``mmxas convert``)."""
