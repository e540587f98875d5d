"""Rails and routing in the languages that ship: forty titles each, as their users would write them."""

from __future__ import annotations

import pytest

from reconciler.model.spec import LanguageSpec, Match
from reconciler.plan.match import Vocabulary, fold
from tests.factory.test_default_factory import CONFIG, rails, routed, specs

PERSON = "-"

BOSNIAN = """
Odluka direktora: otpusti radnika i isplati mu platu    -
Otpusti dva zaposlena u prodaji                         -
Pripremi odluku nadzornog odbora o zaduživanju          -
Potpiši ugovor sa dobavljačem                           -
Obriši produkcijsku bazu                                -
Povećanje cijena za naredni kvartal                     -
Odluka o zapošljavanju novog inženjera                  -
Podnesi poresku prijavu za 2026.                        -
Zatraži dozvolu za platni promet                        -
Provjera sankcija i pranje novca                        -
Одлука директора о отпуштању радника                    -
Rotiraj lozinke za produkciju                           -
Plati fakturu dobavljaču                                -
Tužba protiv bivšeg partnera                            -
Napravi API za narudžbe                                 codecraft
Dodaj migraciju baze podataka za pretplate              codecraft
Popravi grešku pri registraciji korisnika               codecraft
Napravi prijavu korisnika i autentifikaciju             codecraft
Dizajniraj početnu stranicu za restoran                 vizu
Uredi navigaciju i tamnu temu                           vizu
Dodaj komponentu za izbor obroka                        vizu
Popravi izgled stranice na mobitelu                     vizu
Napiši dokumentaciju za instalaciju                     lexicon
Korisničko uputstvo za administratore                   lexicon
Opiši kako se pokreće projekat                          lexicon
Napiši politiku privatnosti                             lexicon
Uslovi korištenja za web prodavnicu                     lexicon
Pravni tekst za kolačiće                                lexicon
Postavi aplikaciju na server                            flowforge
Uvedi rezervne kopije baze                              flowforge
Nadgledanje servera i upozorenja o ispadu               flowforge
Pripremi infrastrukturu za novo okruženje               flowforge
Sigurnosna provjera prijave korisnika                   securion
Bezbjednost API ključeva                                securion
Pronađi ranjivosti u zavisnostima                       securion
Napiši testove za korpu                                 proveo
Plan testiranja za naplatu                              proveo
Pregled koda za modul plaćanja                          proveo
Prognoza prodaje po regijama                            datavera
Мјесечни извјештај о продаји                            datavera
"""
NORWEGIAN = """
Styrevedtak om ny finansiering                          -
Si opp en ansatt i salgsavdelingen                      -
Direktorens beslutning om kontor i Oslo                 -
Daglig leders beslutning om budsjett                    -
Signer kontrakten med leverandøren                      -
Slett produksjonsdata fra i fjor                        -
Prisøkning for alle abonnement                          -
Lever skattemelding for 2026                            -
Søk om konsesjon som betalingsforetak                   -
Tiltak mot hvitvasking                                  -
Bytt produksjonspassordene                              -
Betal fakturaen fra Telenor                             -
Forbered styremøtet i juni                              -
Lag jobbtilbud til ny utvikler                          -
Lag API for bestillinger                                codecraft
Migrering av databasen for abonnement                   codecraft
Rett opp feilen ved registrering                        codecraft
Innlogging med e-post                                   codecraft
Utform landingssiden for restauranten                   vizu
Ny meny og mørk modus                                   vizu
Komponent for å velge måltider                          vizu
Universell utforming av kassen                          vizu
Skriv dokumentasjon for installasjon                    lexicon
Brukerveiledning for administratorer                    lexicon
Beskriv hvordan prosjektet startes                      lexicon
Personvernerklæring for nettbutikken                    lexicon
Bruksvilkår for nettbutikken                            lexicon
Juridisk tekst om informasjonskapsler                   lexicon
Rull ut tjenesten til kundene                           flowforge
Sikkerhetskopiering hver natt                           flowforge
Overvåking og varsling ved stans                        flowforge
Gjør klar infrastrukturen for nytt miljø                flowforge
Sikkerhetsgjennomgang av innlogging                     securion
Sikkerheten i API-nøklene                               securion
Finn sårbarheter i avhengigheter                        securion
Skriv tester for handlekurven                           proveo
Testplan for betaling                                   proveo
Kodegjennomgang av betalingsmodulen                     proveo
Prognose for salget per region                          datavera
Månedlig rapport om salget                              datavera
"""
SWEDISH = """
Styrelsebeslut om ny finansiering                       -
Säg upp en anställd på säljavdelningen                  -
VD-beslut om kontor i Malmö                             -
Strategiskt beslut om nya marknader                     -
Underteckna avtalet med leverantören                    -
Radera produktionsdata från i fjol                      -
Prishöjning för alla abonnemang                         -
Lämna in momsdeklarationen                              -
Sök tillstånd för betaltjänster                         -
Åtgärder mot penningtvätt                               -
Byt produktionslösenorden                               -
Betala fakturan från Telia                              -
Förbered styrelsemötet i juni                           -
Löneförhandling med kundtjänst                          -
Bygg API för beställningar                              codecraft
Migrering av databasen för abonnemang                   codecraft
Rätta felet vid registrering                            codecraft
Inloggning med e-post                                   codecraft
Utforma landningssidan för restaurangen                 vizu
Ny meny och mörkt läge                                  vizu
Komponent för att välja måltider                        vizu
Tillgänglighet i kassan                                 vizu
Skriv dokumentation för installation                    lexicon
Användarmanual för administratörer                      lexicon
Beskriv hur projektet startas                           lexicon
Integritetspolicy för webbutiken                        lexicon
Allmänna villkor för webbutiken                         lexicon
Juridisk text om kakor                                  lexicon
Driftsätt tjänsten hos kunderna                         flowforge
Säkerhetskopiering varje natt                           flowforge
Övervakning och larm vid stopp                          flowforge
Förbered infrastrukturen för ny miljö                   flowforge
Säkerhetsgranskning av inloggning                       securion
Säkerheten i API-nycklarna                              securion
Hitta sårbarheter i beroenden                           securion
Skriv tester för varukorgen                             proveo
Testplan för betalning                                  proveo
Kodgranskning av betalmodulen                           proveo
Prognos för försäljningen per region                    datavera
Månatlig rapport om försäljningen                       datavera
"""
ENGLISH = """
CEO decision: fire an employee and pay their salary     -
Dismiss two employees in sales                          -
Prepare the board decision on new debt                  -
Sign the contract with the supplier                     -
Delete the production database                          -
Price increase for next quarter                         -
Hiring decision for a new engineer                      -
File the tax return for 2026                            -
Apply for a payment institution licence                 -
Sanctions screening and money laundering                -
Rotate the production passwords                         -
Pay the invoice of our supplier                         -
Lawsuit against a former partner                        -
Strategic decision on new markets                       -
Build an API for orders                                 codecraft
Add a database migration for subscriptions              codecraft
Fix the bug in user registration                        codecraft
Authentication with e-mail                              codecraft
Design the landing page of a restaurant                 vizu
New navigation and dark mode                            vizu
A component to choose meals                             vizu
Accessibility of the checkout                           vizu
Write the documentation for installing                  lexicon
User guide for administrators                           lexicon
Describe how the project is started                     lexicon
Write the privacy policy                                lexicon
Terms of service for the shop                           lexicon
Legal text about cookies                                lexicon
Deploy the service to customers                         flowforge
Nightly backups of the shop                             flowforge
Monitoring and alerting of servers                      flowforge
Prepare the infrastructure for a new environment        flowforge
Security audit of the sign-in                           securion
Security of our API keys                                securion
Find vulnerabilities in dependencies                    securion
Write tests for the basket                              proveo
Test plan for payments                                  proveo
Code review of the payment module                       proveo
Forecast of sales by region                             datavera
Monthly reporting of sales                              datavera
"""
TABLES = {"bosnian": BOSNIAN, "norwegian": NORWEGIAN, "swedish": SWEDISH, "english": ENGLISH}


def rows(table: str) -> list[tuple[str, str]]:
    found = [line.rpartition(" ") for line in table.strip().splitlines()]
    return [(title.strip(), company) for title, _, company in found]


@pytest.mark.parametrize("language", TABLES)
def test_forty_titles_reach_the_person_or_the_company_that_they_mean(language: str) -> None:
    wrong: list[tuple[str, str, list[str]]] = []
    table = rows(TABLES[language])
    assert len(table) == 40
    for title, company in table:
        held, route = rails(title), routed(title)
        if bool(held) is not (company == PERSON) or (company != PERSON and route.company != company):
            wrong.append((title, route.company, held))
    assert wrong == []


def test_each_term_of_a_language_is_a_phrase_that_some_rule_looks_for() -> None:
    assert CONFIG.routing is not None
    rules: list[Match] = [*CONFIG.routing.rules, *CONFIG.policy.human]
    known = {phrase for rule in rules for group in (rule.any, rule.none, *rule.all) for phrase in group}
    for name, language in specs("Language").items():
        assert isinstance(language, LanguageSpec)
        assert sorted(set(language.terms) - known) == [], name


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("radnik*", "Otpusti RADNIKA", True),
        ("radnik*", "predradnik", False),
        ("odluk* direktor*", "odluke direktorice", True),
        ("odluk* direktor*", "odluke o direktoru", False),
        ("tuzb*", "Tužba", True),
        ("tužb*", "tuzba", True),
        ("lønn", "Lonn og LØNN", True),
        ("dj", "đ", False),
        ("godisnj*", "Годишњи рачун", True),
        ("mva-melding*", "MVA-meldingen", True),
        ("*", "anything", False),
        ("production password", "production\u2011password and production\u2013Password", True),
        ("production password", "pro\u00adduction\u200b `pass\u2060word`", True),
        ("production password", "**production** 'password'", True),
        ("production password", "production" + " " * 50 + "password", True),
        ("production password", "production, password", False),
        ("a*", "anything", False),
    ],
)
def test_stems_accents_and_alphabets_are_seen_through(phrase: str, text: str, there: bool) -> None:
    languages = {"x": LanguageSpec(terms={"it": (phrase,)})}
    found = Vocabulary([Match(id="r", any=("it",))], languages).found(text)
    assert (found == {"it"}) is there


def test_folding_twice_is_folding_once() -> None:
    for text in ("Tužba đaka", "ÆØÅ æøå", "Straße", "Одлука", "İstanbul", "ﬁx"):
        assert fold(fold(text)) == fold(text)
        assert fold(text).isascii()
