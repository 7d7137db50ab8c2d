package results

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Plan is what a run set out to measure, in short: a run that was interrupted
// goes on with it.
type Plan struct {
	Repeat int `json:"repeat"` // rounds, with Until the least of them
	// Until is the width of every Config's interval, as a fraction of its median, at which the run ends, and MaxSeconds what
	// its trials may take; 0 where there are Repeat rounds.
	Until      float64                      `json:"until,omitempty"`
	MaxSeconds float64                      `json:"max_seconds,omitempty"`
	Search     bool                         `json:"search,omitempty"` // each trial follows from those before: they have Configs beside Points, and those that failed count
	Base       Config                       `json:"base"`
	Points     []map[string]json.RawMessage `json:"points"` // of each Config, the fields in which it differs from Base
}

// PlanOf shortens configs, of which there is one at least.
func PlanOf(configs []Config, repeat int) *Plan {
	p := &Plan{Repeat: repeat, Base: configs[0]}
	base := fieldsOf(p.Base)
	for _, c := range configs {
		point := fieldsOf(c)
		for name, v := range base {
			if bytes.Equal(point[name], v) {
				delete(point, name)
			}
		}
		p.Points = append(p.Points, point)
	}
	return p
}

func fieldsOf(c Config) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(c.Key()), &m); err != nil {
		panic(fmt.Sprintf("results: a Config's key is no JSON object: %v", err))
	}
	return m
}

// Configs are those that p was made of.
func (p *Plan) Configs() ([]Config, error) {
	var configs []Config
	for i, point := range p.Points {
		b, err := json.Marshal(point)
		if err != nil {
			return nil, fmt.Errorf("point %d of the plan: %w", i+1, err)
		}
		c := p.Base
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			return nil, fmt.Errorf("point %d of the plan: %w", i+1, err)
		}
		configs = append(configs, c)
	}
	return configs, nil
}
