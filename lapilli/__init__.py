"""The command line of lapilli: thin calls into `netx_exports`, `simulators`, `lava_models` and `training`."""
