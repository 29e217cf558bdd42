"""What crosses a mailbox or lies in a file: enums, market data, orders, accounts and control messages."""
