"""A caption and the description that it was written from → what contradicts; pure, English."""
