"""The actors, the kernel they run on, and the local exchange they trade on."""
