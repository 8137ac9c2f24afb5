"""The data-flow map: who writes, which streams and topics, who reads, and how far the end of a path is behind."""
