"""Commands of somebody who is signed in: through the REST API, with the rights that they have anywhere else."""
