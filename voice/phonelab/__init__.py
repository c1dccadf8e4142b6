"""The phone lab: a local carrier that speaks the public protocol of Twilio."""
