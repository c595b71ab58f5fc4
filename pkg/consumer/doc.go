// Package consumer is the Kafka shell around the learners: it brings records
// in and carries checkpoints out.
//
// A Consumer is one member of the consumer group "<group>.<model>". Every
// partition that the group gives it is claimed from the store, restored, and
// then worked on by one goroutine, which owns the learner:
//
//	poll loop --batches--> partition goroutine --snapshots--> saver --> store
//	                         Feed, Apply            |
//	                            `--dead letters--> letters --> dead-letter topic
//	                                       store --audit records--> mirror --> audit topic
//
// # Exactly once
//
// A save carries the whole state and the offset it stands at, and the claim in
// it fences every earlier owner. So the order is: claim, seek to the
// snapshot's offset, feed, save. A crash loses only what was fed after the last
// save, and the next owner feeds that again. Offsets committed to Kafka are for
// tools that show lag; they are read for one purpose, to notice that the store
// has lost its data.
//
// A store that a failover took back, or that came back empty, is written
// forward by the owner while it lives: with the claim of the latest assignment
// its state is at least as new as any other. When the owner is gone too, its
// successor replays from what is left, and from nothing only with Init.
//
// A revoked partition makes a last save within SaveTimeout. A lost one makes
// none: somebody else may own it. A save that the store refuses as fenced ends
// the session at once.
//
// # What stops a partition, and only that one
//
// The state belongs to another group or cannot be restored; the store has no
// state although the group has consumed; Kafka has deleted the records that
// come next, or has another log than the one that was learned; the partition
// was added to the topic; the dead-letter topic takes no records. Status and
// the log name the remedy. Claims are tried again in the background and a seek
// is a command, so that most remedies need no restart. See docs/adr/0006-fencing.md.
//
// # Metrics
//
// All have the labels model and partition, except where noted.
//
//	streamlearner_fed_total                 counter  records fed since the state began
//	streamlearner_learned_total             counter  events learned since the state began
//	streamlearner_rejected_total            counter  records refused since the state began, by reason
//	streamlearner_alarms_total              counter  alarms of the guard since the state began
//	streamlearner_alarms_moved_total        counter  alarms before which something moved (label what: direction, loss, label,
//	                                                 inputs, keys, sources, rejects); one alarm may count for several
//	streamlearner_detector_alarms_total     counter  alarms of an additional detector, in all modes, by detector, signal, at, action
//	streamlearner_detector_warning          gauge    1 while it warns
//	streamlearner_freezes_total             counter  freezes since the state began
//	streamlearner_input_armed               gauge    1 while a complete reference window is compared with (this and the following
//	                                                 only with guard.inputs or guard.source; shares are of the last block)
//	streamlearner_input_warnings            gauge    warnings that stand (label check: missing, unseen, out_of_range, psi, ks, skew,
//	                                                 new_fields, duplicates, source_share)
//	streamlearner_input_warnings_total      counter  warnings that have begun (label check)
//	streamlearner_input_warning_ratio       gauge    figure of the last block over its limit, of a warning that stands (labels check and
//	                                                 field, which is empty for sources and whole events)
//	streamlearner_input_missing_share       gauge    events without the field (label field)
//	streamlearner_input_unseen_share        gauge    values that are categories not seen before, or of another type (label field)
//	streamlearner_input_out_of_range_share  gauge    numbers outside of the range of the reference (label field)
//	streamlearner_input_psi                 gauge    population stability index (label field)
//	streamlearner_input_ks                  gauge    distance of Kolmogorov and Smirnov (label field)
//	streamlearner_input_skew_share          gauge    events in which the field was another at decision time (label field)
//	streamlearner_input_new_fields_share    gauge    events with a field that the reference does not know
//	streamlearner_input_duplicate_share     gauge    events that are like one shortly before
//	streamlearner_input_largest_source_share gauge   events that the largest source has supplied
//	streamlearner_input_clip_bound          gauge    norm above which gradients are bounded; 0 while there is no bound
//	streamlearner_input_clipped_share       gauge    events whose gradient was bounded
//	streamlearner_input_logged_share        gauge    events with the features of decision time
//	streamlearner_input_unreadable_share    gauge    of these, those that cannot be decoded
//	streamlearner_freeze_events             gauge    records since the freeze began; 0 while learning
//	streamlearner_freeze_overdue            gauge    1 while a freeze has lasted too long
//	streamlearner_freeze_held               gauge    1 while an operator's freeze keeps automation from ending it
//	streamlearner_freeze_quiet_events       gauge    records since the stream was last not quiet
//	streamlearner_recovery_wealth           gauge    evidence that the challenger is better; proven at 100
//	streamlearner_recovery_lead             gauge    mean loss of the last good version minus that of the challenger
//	streamlearner_recovery_breadth          gauge    share of the groups of keys or sources on which it is better (label of: keys, sources)
//	streamlearner_recovery_patience         gauge    factor of all waits after freezes that came soon after a recovery
//	streamlearner_recoveries_total          counter  endings of freezes and probations (label outcome: quiet, promoted, operator, failed, aborted)
//	streamlearner_mode                      gauge    1 for the mode (label mode)
//	streamlearner_armed                     gauge    1 while an armed reference watches
//	streamlearner_warning                   gauge    1 while the guard stands at warning level
//	streamlearner_guard_statistic           gauge    value of the detector
//	streamlearner_guard_threshold           gauge    value at which it alarms
//	streamlearner_loss                      gauge    progressive loss, half-life 1,000 events
//	streamlearner_progressive               gauge    progressive validation since this process took the partition over
//	                                                 (label figure: loss, accuracy, roc_auc, f1, mae, rmse, ...)
//	streamlearner_ope_decisions_total       counter  decisions that a candidate policy was evaluated on (label policy, as all of ope)
//	streamlearner_ope_estimate              gauge    estimated mean reward (also label estimator: ips, snips, dr, cressie-read)
//	streamlearner_ope_low                   gauge    lower end of its interval (estimator also confidence-sequence)
//	streamlearner_ope_high                  gauge    upper end
//	streamlearner_ope_effective_sample_size gauge    decisions of its own that would tell as much
//	streamlearner_ope_effective_share       gauge    the same as a share of the decisions
//	streamlearner_ope_max_weight            gauge    largest importance weight
//	streamlearner_ope_mean_weight           gauge    mean importance weight, close to 1 when propensities are right
//	streamlearner_ope_clipped_share         gauge    share of the decisions with a weight above evaluate.clip
//	streamlearner_ope_better                gauge    1 while its any-time interval lies above that of the logged policy
//	streamlearner_ope_doubts                gauge    reasons to distrust the estimates
//	streamlearner_gradient_norm             gauge    gradient norm, half-life 1,000 events
//	streamlearner_gradient_ratio            gauge    gradient norm, half-life 128 events, over that of half-life 16,384
//	streamlearner_gradient_vanishing        gauge    share of events with a gradient norm below a thousandth of its long-run mean
//	streamlearner_weight_norm               gauge    Euclidean norm of the weights; absent until it is known
//	streamlearner_update_ratio              gauge    norm of a change of the weights over their norm; absent until it is known
//	streamlearner_loss_long                 gauge    progressive loss, half-life 16,384 events
//	streamlearner_loss_best                 gauge    lowest long-run loss so far; absent in the first 16,384 events
//	streamlearner_loss_trend                gauge    1 for the trend (label trend: unknown, improving, plateau, worsening)
//	streamlearner_loss_improvement          gauge    ends of the interval of the improvement, as a share of the loss (label end: low, high)
//	streamlearner_join_held                 gauge    decisions held by a join (label state: open, waiting, remembered)
//	streamlearner_join_decisions_total      counter  decisions whose windows have ended (label outcome: rewarded, unrewarded, never_shown)
//	streamlearner_join_dropped_total        counter  decisions and rewards dropped (label reason: late, duplicate, unmatched, overflow)
//	streamlearner_join_corrections_total    counter  late rewards that corrected what was learned
//	streamlearner_join_watermark_seconds    gauge    event time up to which windows have ended
//	streamlearner_idle_seconds              gauge    time since records were last fed
//	streamlearner_published_idle_seconds    gauge    time since a version was published
//	streamlearner_features_seen             gauge    distinct features that have a weight, estimated
//	streamlearner_slots_used                gauge    weights in use
//	streamlearner_slots                     gauge    weights that there are; 0 without hashing
//	streamlearner_feature_collision_share   gauge    expected share of the features that share a weight
//	streamlearner_arm_events_total          counter  of a bandit: events learned of an arm since it was added; labels arm
//	streamlearner_arm_rewards               gauge    sum of their rewards; labels arm
//	streamlearner_arm_status                gauge    1 for the status of an arm; labels arm, status
//	streamlearner_arm_share                 gauge    share of the decisions that could choose an arm; labels arm, share (got, logged)
//	streamlearner_arm_propensity_evidence   gauge    evidence that an arm is chosen more often than its propensities say; labels arm
//	streamlearner_arm_taken_out             gauge    1 while an arm drains that a guard rail has taken out; labels arm, metric
//	streamlearner_guard_rail_values_total   counter  values of a metric that a guard rail has seen; labels arm, metric
//	streamlearner_guard_rail_absent_total   counter  events without a value of the metric; labels arm, metric
//	streamlearner_guard_rail_mean           gauge    mean of a metric; labels arm, metric
//	streamlearner_guard_rail_difference     gauge    difference to the baseline; labels arm, metric, end (estimate, low, high)
//	streamlearner_guard_rail_evidence       gauge    e-values; labels arm, metric, of (harmful, better, not_worse)
//	streamlearner_propensity_evidence       gauge    evidence that arms are not chosen as often as logged propensities say
//	streamlearner_policy                    gauge    1 for what readers of a bandit are told to do; labels policy
//	streamlearner_version_live              gauge    number of the newest checkpoint
//	streamlearner_version_published         gauge    number of the version served
//	streamlearner_version_held              gauge    number of the version that an operator holds readers at; 0 for none
//	streamlearner_published_age_seconds     gauge    event time between the newest record and that version
//	streamlearner_partition_state           gauge    1 for the state (label state: claiming, running, blocked, paused)
//	streamlearner_next_offset               gauge    offset of the next record
//	streamlearner_lag_records               gauge    records not learned yet
//	streamlearner_saved_age_seconds         gauge    time since the last save
//	streamlearner_saves_total               counter  states stored
//	streamlearner_save_errors_total         counter  failed attempts to store a state
//	streamlearner_saved_bytes_total         counter  bytes of states handed to the store, before compression
//	streamlearner_save_seconds              histogram  time of a write (label model only)
//	streamlearner_checkpoint_pause_seconds  histogram  time that a learner stood still for a copy of its state (label model only)
//	streamlearner_store_rollback_total      counter  failovers that lost saves and were written forward
//	streamlearner_audit_records_total       counter  audit records stored, by kind
//	streamlearner_audit_breaks_total        counter  times the stored audit chain did not lead to the records to append
//	streamlearner_audit_mirror_lag_records  gauge    stored audit records that the audit topic lacks; absent without a topic
//	streamlearner_audit_mirror_errors_total counter  failed attempts to write to the audit topic
//	streamlearner_duplicates_total          counter  records dropped because they were learned already
//	streamlearner_dead_letters_total        counter  refused records written to the dead-letter topic
//	streamlearner_dead_letter_errors_total  counter  failed attempts to write there
//	streamlearner_kafka_*                   the client's own (franz-go plugin/kprom; label model)
package consumer
