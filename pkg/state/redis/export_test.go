package redis

// SetChunk sets the size above which blobs lie in chunks.
func (s *Store) SetChunk(n int) { s.chunk = n }
