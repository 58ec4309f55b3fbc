"""The hot store on one machine: a process that keeps everything in memory, and forgets it all when it ends."""
