"""The hours before: the few numbers that matter of each cluster, broker, group, topic, stream and reader.

``numbers`` lists them; ``archive`` has them in memory, consolidated over steps of time; ``placing`` brings samples into
its rows; ``packing`` and ``archive_file`` write them to a file and read them at the next start, ``keeper`` does so in a
thread of its own; ``marks`` are the alerts that began and ended meanwhile.
"""
