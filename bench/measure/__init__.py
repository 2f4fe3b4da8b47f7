"""What rbbench is made of; main.py is the way in."""
