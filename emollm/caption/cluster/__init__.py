"""The same run on a Ray cluster: connection, pools of processes, and what runs on the machines."""
