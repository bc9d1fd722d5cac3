"""An adapter and a data set → numbers with their intervals, side by side with another's."""
