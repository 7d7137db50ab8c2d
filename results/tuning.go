package results

// Outcomes of a Tuning.
const (
	TuningImproved   = "improved"   // Best beats Base, in fresh rounds
	TuningDefaults   = "defaults"   // nothing that was raced was shown to beat Base: Best is Base
	TuningMissed     = "missed"     // an objective is missed, by Best as well
	TuningFailed     = "failed"     // the defaults cannot be measured, or have no such objective; see Failed
	TuningUnfinished = "unfinished" // interrupted: Best is the best so far, and nothing has confirmed it
)

// What became of a Knob.
const (
	KnobMatters = "matters"    // Best has another value than Base, and setting it back costs something
	KnobKept    = "untold"     // Best has another value, and no difference was shown by itself
	KnobBest    = "default"    // the other values are worse
	KnobSame    = "same"       // no value was shown to be better than the default; some are as good
	KnobUnraced = "not raced"  // the time did not suffice
	KnobNone    = "no setting" // no other value could be measured
)

// Tuning is the answer of a run that looked for the best settings.
type Tuning struct {
	Objective   string            `json:"objective"` // a metric, or a percentile of a latency
	Better      string            `json:"better"`    // higher or lower
	SLO         []string          `json:"slo,omitempty"`
	Detect      float64           `json:"detect"` // a difference of less, as a fraction, does not matter
	Outcome     string            `json:"outcome"`
	Base        Config            `json:"base"` // the defaults
	Best        Config            `json:"best"` // what is recommended
	Settings    []Setting         `json:"settings"`
	Gain        *TuningChange     `json:"gain,omitempty"`      // of the objective from Base to Best, by the confirming rounds alone
	Effects     []TuningChange    `json:"effects,omitempty"`   // of other figures
	Candidate   *Config           `json:"candidate,omitempty"` // what the search took for best and the confirming rounds did not
	Knobs       []Knob            `json:"knobs"`
	Judgements  []TuningJudgement `json:"judgements,omitempty"` // what became of each limit at Best
	Failed      string            `json:"failed,omitempty"`
	Notes       []string          `json:"notes"`
	Recipes     []Recipe          `json:"recipes,omitempty"` // where to write Settings down
	SearchTrial int               `json:"search_trials"`
	Seconds     float64           `json:"seconds"` // that the trials took
	Budget      float64           `json:"budget"`  // seconds that they might
}

// Recipe is where one ecosystem sets what is recommended.
type Recipe struct {
	Name    string   `json:"name"`              // Go (arrow-go)
	Client  string   `json:"client,omitempty"`  // code of who calls
	Server  string   `json:"server,omitempty"`  // code of who serves
	Without []string `json:"without,omitempty"` // sentences: what cannot be set there, and why
}

// Setting is a value that Best has and Base has not.
type Setting struct {
	Field string `json:"field"` // of a Config
	Value string `json:"value"`
	Was   string `json:"was"`
}

// TuningJudgement is what became of a limit.
type TuningJudgement struct {
	Gate   string `json:"gate"`
	Status string `json:"status"` // met, missed
	Text   string `json:"text"`   // what was found, for people
}

// TuningChange is how far a figure moved.
type TuningChange struct {
	Metric string   `json:"metric"`
	Unit   string   `json:"unit"`
	Better string   `json:"better"`
	Old    float64  `json:"old"` // median
	New    float64  `json:"new"`
	Change *float64 `json:"change"` // fraction of old
	Low    *float64 `json:"change_low"`
	High   *float64 `json:"change_high"`
	P      float64  `json:"p"`
	Rounds int      `json:"rounds"`
	Word   string   `json:"word"` // better, worse, same, unknown
}

// Knob is a Config field that was raced.
type Knob struct {
	Field   string      `json:"field"`
	Verdict string      `json:"verdict"`
	Default string      `json:"default"`
	Best    string      `json:"best"`
	Worth   *KnobValue  `json:"worth,omitempty"` // what setting it back to the default costs, all else as in Best
	Values  []KnobValue `json:"values"`          // as raced last, against the best at that time
	Against string      `json:"against"`         // the value that it had in that
	Note    string      `json:"note,omitempty"`
}

// KnobValue is how a value did, against the one that was best at that time.
// Gains are fractions of the objective, positive where the value is better.
type KnobValue struct {
	Value   string   `json:"value"`
	Rounds  int      `json:"rounds"`
	Gain    *float64 `json:"gain"` // null where nothing was measured
	Low     *float64 `json:"gain_low"`
	High    *float64 `json:"gain_high"`
	Outcome string   `json:"outcome"` // better, worse, same (told apart by nothing), failed, missed
	Reason  string   `json:"reason,omitempty"`
}

// Fields are those of Settings.
func (t *Tuning) Fields() (fields []string) {
	for _, s := range t.Settings {
		fields = append(fields, s.Field)
	}
	return fields
}
