"""What ElevenLabs' JSON means here: pure functions between its shapes and this project's."""
