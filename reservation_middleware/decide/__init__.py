"""The pure core: from documents to a decision. No socket, file, clock or log."""
