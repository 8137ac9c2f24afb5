"""Open monitoring: the JMX exporter and the node exporter of each broker, MSK's (11001 and 11002) or one's own."""
