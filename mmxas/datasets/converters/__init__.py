"""Convert published archives to the layouts that the data sets read (``mmxas convert``)."""
