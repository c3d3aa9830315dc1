package rules

// Trust is what is proved of a mail's sender: a column of the table below.
type Trust int

// The columns. A token is a reply token in a recipient's address or our signed
// Message-ID in In-Reply-To or References.
const (
	TrustNothing        Trust = iota // nothing is proved; a From line buys nothing
	TrustFails                       // the From domain's own policy says that this is not theirs
	TrustAuth                        // the From domain's mail system let it out
	TrustTokenOther                  // has seen our mail, which was not for the address in From
	TrustAuthTokenOther              // both
	TrustBound                       // has seen our mail, and claims to be its addressee
	TrustAuthBound                   // the addressee's mailbox at an authenticated domain
	trusts
)

var trustNames = [trusts]string{"nothing", "fails", "auth", "token", "auth+token", "bound", "auth+bound"}

func (t Trust) String() string { return trustNames[t] }

// Evidence about a sender, as the gateway has gathered it.
type Evidence struct {
	Auth  bool // the From domain is authenticated
	Fails bool // its policy refuses this mail
	Token bool // one of our tokens came with it
	Bound bool // that token was issued to the address in From
}

// Trust returns the column that the evidence belongs to.
func (e Evidence) Trust() Trust {
	switch {
	case e.Fails:
		return TrustFails
	case e.Token && e.Bound && e.Auth:
		return TrustAuthBound
	case e.Token && e.Bound:
		return TrustBound
	case e.Token && e.Auth:
		return TrustAuthTokenOther
	case e.Token:
		return TrustTokenOther
	case e.Auth:
		return TrustAuth
	}
	return TrustNothing
}

// Action is something that a mail may want: a row of the table.
type Action int

// The rows.
const (
	ActOpen         Action = iota // open a ticket
	ActAcknowledge                // be acknowledged
	ActAppend                     // append as requester or observer, found by a token or a Message-ID
	ActAppendTag                  // append, found by no more than the subject or the quoted text
	ActAppendCopied               // append as one who stood in To or Cc of the mail replied to
	ActObserve                    // become observer by Cc of an opening mail
	ActAgentList                  // lists and searches
	ActAgentCommand               // undoable commands, notes, opening on behalf
	ActAgentAnswer                // an agent's answer to a requester
	ActAgentGrave                 // delete, export, erase, add a person's address
	ActApprove                    // approve by reply
	ActReject                     // reject by reply; it only reopens
	ActSurvey                     // say how it was, by reply
	ActConfigure                  // change rules or configuration
	actions
)

var actionNames = [actions]string{"abrir", "acuse de recibo", "añadir", "añadir por la etiqueta", "añadir como copiado", "observar",
	"lista de agente", "orden de agente", "respuesta de agente", "acto grave de agente", "aprobar", "rechazar", "encuesta", "configurar"}

func (a Action) String() string { return actionNames[a] }

// Verdict is what the table says of an action.
type Verdict int

// The verdicts.
const (
	Never         Verdict = iota
	Yes                   // as asked
	Unverified            // yes, and the ticket is marked as unverified
	Fixed                 // yes, in fixed words, with no link and none of the sender's text; capped
	Linked                // a new ticket, linked to the one meant
	Hold                  // kept on the ticket until an agent accepts it
	Quarantine            // kept aside for the admin
	IfParticipant         // yes if From takes part in the ticket, else Linked
	IfSameDomain          // yes if somebody of the same domain takes part, else Hold, and the registered address is asked
	Guest                 // yes, as guest: sees nothing older
	Propose               // an agent is asked
	OwnDomain             // yes for the desk's own domains, else Propose
	Confirm               // once a link is confirmed
	IfApprover            // yes if From is the one who decides
	ByPolicy              // as the site has configured, else the link is mailed
	verdicts
)

var verdictNames = [verdicts]string{"nunca", "sí", "sí, sin verificar", "solo palabras fijas", "nuevo y vinculado", "retenido",
	"cuarentena", "si participa", "si es del mismo dominio", "como invitado", "se propone", "si es dominio propio", "tras confirmar",
	"si es quien decide", "según la configuración"}

func (v Verdict) String() string { return verdictNames[v] }

// table is the one place that says what which evidence is good for. Decision
// links and addresses stand apart: whoever bears a valid one decides.
var table = [actions][trusts]Verdict{
	//                 nothing     fails       auth           token   auth+token    bound    auth+bound
	ActOpen:         {Unverified, Quarantine, Yes, Linked, Linked, Yes, Yes},
	ActAcknowledge:  {Fixed, Never, Yes, Never, Yes, Yes, Yes},
	ActAppend:       {Hold, Quarantine, IfParticipant, Hold, IfSameDomain, Yes, Yes},
	ActAppendTag:    {Linked, Quarantine, IfParticipant, Hold, IfSameDomain, Yes, Yes},
	ActAppendCopied: {Hold, Quarantine, Guest, Hold, Guest, Yes, Yes},
	ActObserve:      {Never, Never, OwnDomain, Never, Never, Propose, OwnDomain},
	ActAgentList:    {Never, Never, Yes, Never, Never, Yes, Yes},
	ActAgentCommand: {Never, Never, Yes, Never, Never, Confirm, Yes},
	ActAgentAnswer:  {Never, Never, Confirm, Never, Never, Confirm, Yes},
	ActAgentGrave:   {Never, Never, Never, Never, Never, Never, Confirm},
	ActApprove:      {Never, Never, IfApprover, Never, Never, ByPolicy, Yes},
	ActReject:       {Never, Never, IfApprover, Never, Never, Yes, Yes},
	ActSurvey:       {Never, Never, IfApprover, Never, Never, Yes, Yes},
	ActConfigure:    {},
}

// Policy is what a site has chosen where it may choose.
type Policy struct {
	AgentsBound     bool // agents' actions need no more than bound
	RequestersToken bool // requesters' appends need no more than a token
	ApproveBound    bool // approving by reply needs no more than bound
}

// Verdict returns what may be done, by the table and the site's policy.
func (p Policy) Verdict(a Action, t Trust) Verdict {
	v := table[a][t]
	switch {
	case p.AgentsBound && t == TrustBound && (a == ActAgentCommand || a == ActAgentAnswer):
		return Yes
	case p.RequestersToken && t == TrustTokenOther && a == ActAppend:
		return Yes
	case p.ApproveBound && t == TrustBound && a == ActApprove:
		return Yes
	}
	return v
}
