"""The scaling policy against others, in a simulation that shares no code with any of them.

Engines follow curves that were measured on the real ones (`curves`); gateways are queues that
refuse what they cannot hold; replicas take time to start and die; reports are seconds old and get
lost (`system`). Loads are of kinds that the policies were not tuned on (`traces`).
"""
