"""The archive of the local cloud: an S3 endpoint on 127.0.0.1 whose objects are files of the state folder."""
