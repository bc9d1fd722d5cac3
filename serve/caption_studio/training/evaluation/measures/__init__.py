"""Captions → what is measured of them; pure, no model runs here."""
