package sim

import (
	"math"
	"strconv"

	"github.com/streamlearner/streamlearner/internal/portable"
)

// RatingsStream is a stream of what users think of items, for recommendation:
// categories user (also the record's key) and item, ts, and the label rating,
// which is of low rank with Gaussian noise:
//
//	rating = 3.5 + b_u + b_i + <p_u, q_i> + noise
//
// The biases have standard deviation 0.4 and the inner product 1, so that a
// model without pairs cannot explain what matters most.
//
// Set the knobs before the first Next.
type RatingsStream struct {
	Noise float64 // standard deviation of the noise of a rating; the mean squared error of the best model is its square
	Likes bool    // the label is liked, 0 or 1, with log-odds twice the rating minus 3.5, in place of rating

	draws *draws
	n     uint64
	users []taste
	items []taste
	truth Truth
	user  []byte
}

// taste is the parameters of a user or an item.
type taste struct {
	bias    float64
	factors []float64
}

const (
	ratingsMean = 3.5
	biasSD      = 0.4
)

// Ratings returns the stream of a seed with numbers of users and items, all
// equally frequent, a rank of the matrix, and noise of standard deviation 0.5.
func Ratings(seed uint64, users, items, rank int) *RatingsStream {
	s := &RatingsStream{Noise: 0.5, draws: newDraws(seed)}
	s.draws.at(math.MaxUint64)
	// A product of two standard normal numbers has variance 1, so has their sum over its rank.
	sd := math.Pow(float64(rank), -0.25)
	s.users, s.items = tastes(s.draws, users, rank, sd), tastes(s.draws, items, rank, sd)
	return s
}

func tastes(d *draws, n, rank int, sd float64) []taste {
	out := make([]taste, n)
	for i := range out {
		out[i].bias = biasSD * d.NormFloat64()
		for range rank {
			out[i].factors = append(out[i].factors, sd*d.NormFloat64())
		}
	}
	return out
}

// Next appends the next event to dst.
func (s *RatingsStream) Next(dst []byte) []byte {
	d := s.draws
	d.at(s.n)
	u, i := d.IntN(len(s.users)), d.IntN(len(s.items))
	user, item := &s.users[u], &s.items[i]
	mean := ratingsMean + user.bias + item.bias
	for f, v := range user.factors {
		mean += v * item.factors[f]
	}
	label, name := decimals(3).round(mean+s.Noise*d.NormFloat64()), "rating"
	if s.Likes {
		mean, label, name = portable.Sigmoid(2*(mean-ratingsMean)), 0, "liked"
		if d.Float64() < mean {
			label = 1
		}
	}
	s.truth = Truth{N: s.n, Mean: mean, Label: label}
	s.user = strconv.AppendInt(append(s.user[:0], 'u'), int64(u), 10)
	dst = append(append(dst, `{"user":"`...), s.user...)
	dst = append(dst, `","item":"i`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	dst = append(dst, `","ts":`...)
	dst = strconv.AppendInt(dst, 1_767_225_600_000+int64(s.n)*50, 10)
	dst = append(decimals(3).append(appendName(dst, name), label), '}')
	s.n++
	return dst
}

// BestLoss returns the expected loss of the best model on the last event: the
// squared error of a rating, or the logistic loss of a like.
func (s *RatingsStream) BestLoss() float64 {
	if !s.Likes {
		return s.Noise * s.Noise
	}
	p := s.truth.Mean
	return -p*math.Log(p) - (1-p)*math.Log(1-p)
}

// Key returns the key of the last event's record. It is valid until the next one.
func (s *RatingsStream) Key() []byte { return s.user }

// Truth returns what is known about the last event.
func (s *RatingsStream) Truth() Truth { return s.truth }
