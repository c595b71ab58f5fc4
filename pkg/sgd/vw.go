package sgd

// Vowpal Wabbit's conventions (compat: vw), where they differ from ours:
// features and labels are used as they are; the margin of the logistic loss is
// clipped to [-50, 50] and the prediction of the squared loss to the label
// range seen with the current label and 0; loss, gradient and update are those
// of the clipped prediction. The squared loss is not halved, there and here.
// Source: https://github.com/VowpalWabbit/vowpal_wabbit gd.cc, loss_functions.cc.
const vwMargin = 50
