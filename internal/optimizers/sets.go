package optimizers

import (
	"slices"
	"strconv"
	"strings"
)

// figure names a figure of `replay --json`, and how it is shown.
type figure struct {
	name   string // in the document
	key    string // in the metrics of a configuration
	format string
	up     bool // larger is better
	rest   bool // the document shows 1 minus the figure
}

var (
	accuracy = figure{name: "accuracy", key: "accuracy", format: "%.4f", up: true}
	auc      = figure{name: "ROC AUC", key: "roc_auc", format: "%.4f", up: true}
	f1       = figure{name: "F1", key: "f1", format: "%.4f", up: true}
	logLoss  = figure{name: "log loss", key: "log_loss", format: "%.4f"}
	errors01 = figure{name: "error", key: "accuracy", format: "%.4f", rest: true}
	mae      = figure{name: "MAE", key: "mae", format: "%#.4g"}
	rmse     = figure{name: "RMSE", key: "rmse", format: "%#.4g"}
	freezes  = figure{name: "freezes", key: "freezes", format: "%.3g"}
	loss     = figure{name: "squared loss", key: "loss", format: "%#.4g"}
)

// Set is a data set and how it is replayed.
type Set struct {
	Name     string
	Events   int
	file     string   // below the directory of data
	flags    []string // of replay: what is learned from which fields
	loss     string
	losses   []string // that its labels allow
	figures  []figure // the first one decides
	second   []figure // of the comparison of losses
	sparse   bool     // it has no numeric field, so that nothing is standardised
	rls      bool     // a full matrix holds its features
	shuffles int      // 0: file order; otherwise the mean over so many shuffles
	others   string   // what others reach by the first figure
}

// Sets returns the data sets in the order of the document.
func Sets() []Set {
	classes := func(names string) []string {
		n := strings.Count(names, ",") + 1
		return []string{"--set", "source.classes=" + names, "--set", "learner.classes=" + strconv.Itoa(n), "--set", "learner.bits=12"}
	}
	two, several, number := []string{"logistic", "hinge"}, []string{"ova", "softmax"}, []string{"squared", "huber", "quantile"}
	return []Set{
		{
			Name: "Elec2", Events: 45312, file: "streams/elec2_8feat.txt.gz", flags: []string{"--label", "class"},
			loss: "logistic", losses: two, figures: []figure{accuracy, auc, logLoss}, second: []figure{accuracy},
			others: "River .8221, its Hoeffding tree .7956, Leveraging Bagging .8927; the last class .8533",
		},
		{
			Name: "phishing", Events: 1250, file: "streams/phishing_1250.csv.gz", flags: []string{"--label", "is_phishing"},
			loss: "logistic", losses: two, figures: []figure{accuracy, auc, logLoss}, second: []figure{accuracy}, others: "River .8872",
		},
		{
			Name: "a9a", Events: 32560, file: "streams/a9a.libsvm.gz", sparse: true,
			loss: "logistic", losses: two, figures: []figure{accuracy, auc, logLoss}, second: []figure{accuracy},
			others: "AdaGrad .844, AUC .8988, log loss .3327",
		},
		{
			Name: "SEA", Events: 50000, file: "streams/sea_souza_50k.csv.gz", flags: []string{"--label", "last"},
			loss: "logistic", losses: two, figures: []figure{accuracy, auc, logLoss}, second: []figure{accuracy}, others: "logistic regression .8898",
		},
		{
			Name: "SMS spam", Events: 5574, file: "streams/sms_spam.tsv.gz", flags: []string{"--label", "Label", "--set", "features.text=SMS"}, sparse: true,
			loss: "logistic", losses: two, figures: []figure{accuracy, auc, logLoss}, second: []figure{accuracy}, others: "bag of words, AdaGrad .980",
		},
		{
			Name: "Trump approval", Events: 1001, file: "streams/trump_approval.csv.gz", flags: []string{"--label", "five_thirty_eight"}, rls: true,
			loss: "squared", losses: number, figures: []figure{mae}, second: []figure{mae, rmse}, others: "River 1.3145; the mean 1.5676",
		},
		{
			Name: "bike sharing", Events: 17379, file: "streams/bike_sharing_hour.csv.gz", rls: true,
			flags: []string{"--label", "cnt", "--set", "features.exclude=instant,dteday,casual,registered"},
			loss:  "squared", losses: append(number, "poisson"), figures: []figure{mae}, second: []figure{mae, rmse},
			others: "clipped NLMS 98.37; the mean 131.80; River diverges (8e61)",
		},
		{
			Name: "chick weights", Events: 578, file: "streams/chick-weights.csv", flags: []string{"--label", "weight"}, rls: true,
			loss: "squared", losses: append(number, "poisson"), figures: []figure{mae}, second: []figure{mae, rmse}, others: "River 23.7587",
		},
		{
			Name: "letter", Events: 20000, file: "bandit/letter.csv.gz",
			flags: append([]string{"--label", "lettr"}, classes("A,B,C,D,E,F,G,H,I,J,K,L,M,N,O,P,Q,R,S,T,U,V,W,X,Y,Z")...),
			loss:  "ova", losses: several, figures: []figure{errors01, logLoss}, second: []figure{errors01, logLoss},
			others: "VW one against all .3533 standardised, .4598 raw at the best of five rates",
		},
		{
			Name: "satimage", Events: 6435, file: "bandit/satimage.csv.gz", shuffles: 5,
			flags: append([]string{"--label", "classes"}, classes("cotton crop,damp grey soil,grey soil,red soil,vegetation stubble,very damp grey soil")...),
			loss:  "ova", losses: several, figures: []figure{errors01, logLoss}, second: []figure{errors01, logLoss},
			others: "VW one against all .1952 standardised, .3217 raw at the best of five rates",
		},
		{
			Name: "VW 0001", Events: 200, file: "vw/0001.dat", sparse: true,
			loss: "squared", losses: number, figures: []figure{loss}, second: []figure{mae, rmse}, others: "VW 0.195759, --coin 0.193569",
		},
		{
			Name: "VW 0002", Events: 1000, file: "vw/0002.dat", sparse: true,
			loss: "squared", losses: number, figures: []figure{loss}, second: []figure{mae, rmse}, others: "VW 0.003499, --coin 0.004100",
		},
	}
}

// optimizers returns all optimizers in the order of the columns.
func optimizers() []string {
	return []string{"auto", "nag", "sgd", "adagrad", "adam", "ftrl", "coin", "arow", "scw", "rls"}
}

// learnable are the optimizers that know the loss of the set and hold its features.
func (s *Set) learnable() []string {
	all := optimizers()
	switch {
	case s.loss != "squared":
		return all[:len(all)-1] // without rls
	case s.rls:
		return slices.DeleteFunc(all, classifier)
	}
	return all[:len(all)-3]
}

// classifier reports whether an optimizer needs labels that are classes.
func classifier(optimizer string) bool { return optimizer == "arow" || optimizer == "scw" }

// scalings are the values of learner.standardize that make a difference.
func (s *Set) scalings() []string {
	if s.sparse {
		return []string{"off"}
	}
	return []string{"on", "off"}
}

// grid are the flags that compare all optimizers, on every scaling.
func (s *Set) grid() []string {
	return append(s.common(), "--set", "learner.loss="+s.loss, "--grid", "learner.optimizer="+strings.Join(s.learnable(), ","),
		"--grid", "learner.standardize="+strings.Join(s.scalings(), ","))
}

// lossGrid are the flags that compare the losses.
func (s *Set) lossGrid() []string {
	return append(s.common(), "--grid", "learner.loss="+strings.Join(s.losses, ","))
}

// plain are the flags of the default configuration.
func (s *Set) plain() []string { return append(slices.Clone(s.flags), "--set", "learner.loss="+s.loss) }

func (s *Set) common() []string {
	return append(slices.Clone(s.flags), "--set", "guard.enabled=false")
}
