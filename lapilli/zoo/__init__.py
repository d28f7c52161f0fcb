"""The zoo: trained and proven networks that lie beside the code, each with a card that says what was measured."""
