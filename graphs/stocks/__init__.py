"""A consensus of many analysts on stocks, which rings its owner before it trades."""
