"""Views of decision records for people; a fold over records, nothing is decided here."""
