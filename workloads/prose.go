package workloads

import "strings"

// proseFiller writes pseudo-English cut out of running text at any letter, as
// TPC-H does with its comments: sentences of the grammar of TPC-H clause 4.2.2.14,
// over its vocabulary, the words that it uses most being the likelier ones here.
func proseFiller(s source) func([]byte) {
	p := &prose{src: s}
	return p.fill
}

type prose struct {
	src  source
	buf  []byte // the sentence in hand
	rest []byte // what is left of it
}

func (p *prose) fill(dst []byte) {
	for len(dst) > 0 {
		if len(p.rest) == 0 {
			p.sentence()
		}
		n := copy(dst, p.rest)
		dst, p.rest = dst[n:], p.rest[n:]
	}
}

// A sentence is one of these shapes: N a noun phrase, V a verb phrase, P a
// prepositional phrase.
var sentenceShapes = [...]string{"NV", "NVP", "NVN", "NPVN", "NPVP"}

func (p *prose) sentence() {
	p.buf = p.buf[:0]
	for _, part := range []byte(sentenceShapes[p.src.below(uint64(len(sentenceShapes)))]) {
		switch part {
		case 'N':
			p.nounPhrase()
		case 'V':
			p.verbPhrase()
		case 'P':
			p.word(prepositions)
			p.buf = append(p.buf, "the "...)
			p.nounPhrase()
		}
	}
	p.buf[len(p.buf)-1] = ".;:?!-"[p.src.below(6)]
	p.buf = append(p.buf, ' ')
	p.rest = p.buf
}

func (p *prose) nounPhrase() {
	switch p.src.below(4) {
	case 1:
		p.word(adjectives)
	case 2:
		p.word(adjectives)
		p.buf[len(p.buf)-1] = ','
		p.buf = append(p.buf, ' ')
		p.word(adjectives)
	case 3:
		p.word(adverbs)
		p.word(adjectives)
	}
	p.word(nouns)
}

func (p *prose) verbPhrase() {
	r := p.src.below(4)
	if r&1 != 0 {
		p.word(auxiliaries)
	}
	p.word(verbs)
	if r&2 != 0 {
		p.word(adverbs)
	}
}

// word appends a random word of a vocabulary and a space.
func (p *prose) word(of []string) {
	p.buf = append(p.buf, of[p.src.below(uint64(len(of)))]...)
	p.buf = append(p.buf, ' ')
}

// vocabulary lists the common words eight times, the others once. Words are
// separated by commas.
func vocabulary(common, others string) []string {
	var out []string
	for range 8 {
		out = append(out, strings.Split(common, ",")...)
	}
	return append(out, strings.Split(others, ",")...)
}

// The vocabulary of TPC-H clause 4.2.2.14. Never changed after initialisation.
var (
	nouns = vocabulary("accounts,deposits,packages,requests,foxes,ideas,instructions,pinto beans,theodolites",
		"asymptotes,attainments,braids,courts,decoys,dependencies,depths,dinos,dolphins,dugouts,epitaphs,escapades,excuses,forges,frays,frets,gifts,"+
			"grouches,hockey players,multipliers,notornis,orbits,patterns,pains,pearls,platelets,realms,sauternes,sentiments,sheaves,somas,Tiresias',tithes,"+
			"warhorses,warthogs,waters")
	verbs = vocabulary("are,cajole,haggle,nag,sleep,use,wake",
		"affix,believe,boost,breach,dazzle,detect,doubt,doze,eat,engage,grow,hang,hinder,impress,integrate,kindle,lose,maintain,mold,nod,play,poach,print,"+
			"promise,run,serve,snooze,solve,sublate,thrash,unwind,was,x-ray")
	adjectives = vocabulary("bold,express,final,ironic,pending,regular,special,unusual",
		"blithe,brave,busy,careful,close,daring,dogged,enticing,even,fluffy,furious,idle,permanent,quick,quiet,ruthless,silent,slow,sly,stealthy,thin")
	adverbs = vocabulary("blithely,carefully,furiously,quickly,slyly",
		"always,boldly,bravely,busily,closely,daringly,doggedly,enticingly,evenly,finally,fluffily,idly,ironically,never,permanently,quietly,regularly,"+
			"ruthlessly,silently,slowly,sometimes,stealthily,thinly")
	prepositions = vocabulary("about,above,according to,across,after,against,along,among,around,at",
		"alongside of,atop,before,behind,beneath,beside,besides,between,beyond,by,despite,during,except,for,from,in place of,inside,instead of,into,near,of,"+
			"on,outside,over,past,since,through,throughout,to,toward,under,until,up,upon,with,within,without")
	auxiliaries = vocabulary("do,may,might,shall",
		"can,could,could have to,have to,must,must have to,need to,ought to,shall have to,should,should have to,try to,will,will have to,would")
)
