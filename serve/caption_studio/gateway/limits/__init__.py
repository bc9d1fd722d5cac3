"""How much each key may ask for in a minute, over all gateways; and what it has used."""
