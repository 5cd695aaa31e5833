"""What is published, here and elsewhere: feeds, the documents and photographs behind them, their ends."""
