"""The public door to the REST API's handlers; they are built in `flower_ng.web.api`."""
