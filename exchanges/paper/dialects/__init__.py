"""The wires the exchange speaks, one package a venue, each written from that venue's documents."""
