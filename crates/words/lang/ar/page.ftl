# The page at the podium.
