"""Reading CT from files, and the datasets that the network is trained and evaluated on."""
