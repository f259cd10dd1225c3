// Alle Texte der Führung auf Deutsch: die der Seite (index.html) und die der Skripte (en.js).

/** @type {Record<string, string>} */
export default {
  "page.title": "Eine Führung – nexttoken",
  "page.description":
    "Wie ein Sprachmodell sein nächstes Wort findet: eine Führung mit einem kleinen Modell zum Ausprobieren.",
  "page.back": "nexttoken",
  "page.language": "Sprache",
  "page.heading": "Wie ein Sprachmodell das nächste Wort findet",
  "page.intro":
    "Eine Führung in zehn kurzen Kapiteln. In jedem gibt es etwas auszuprobieren. Es läuft auf einem kleinen Modell, hier in diesem Tab; die Zahlen, die du siehst, stammen von ihm (in Kapitel 8 von einem zweiten, noch kleineren). Das Modell ist ein Geschichtenerzähler aus 1,6 Millionen Zahlen und hat nur einfache englische Geschichten gelesen. Schreib ihm also auf Englisch.",
  "page.chapters": "Kapitel",
  "page.try": "Mit ganzen Texten und größeren Modellen weitermachen",
  "page.docs": "Dokumentation (englisch)",
  "page.loading": "Laden",
  "page.again": "Noch einmal versuchen",

  "tokens.title": "Tokens",
  "tokens.one":
    "Ein Sprachmodell liest keine Buchstaben und auch nicht unbedingt ganze Wörter. Es liest *Tokens*: Textstücke, die oft vorkommen. Jedes hat eine Nummer, seine *ID*, und mehr als diese Nummer bekommt das Modell nicht zu sehen. Häufige Wörter sind ein einziges Token, seltene zerfallen in mehrere. Das Leerzeichen gehört zu dem Wort, das darauf folgt.",
  "tokens.label": "Schreib etwas, auch einmal ein Wort, das in Geschichten selten ist",
  "tokens.said":
    "Aus {characters} Zeichen sind {tokens} Tokens geworden. Dieses Modell kennt {all} Tokens, große kennen 100.000 und mehr.",
  "tokens.single": "Das alles ist ein einziges Token. Dieses Modell kennt {all} Tokens, große kennen 100.000 und mehr.",
  "tokens.part": "Ein � ist ein Teil eines Zeichens, das dieses Modell selten gesehen hat.",

  "embedding.title": "Ein Vektor für jedes Token",
  "embedding.one":
    "Eine ID verrät nichts über die Bedeutung. Deshalb schlägt das Modell sie in einer Tabelle nach, in der zu jedem Token eine Liste von Zahlen steht: ein Vektor, das *Embedding* des Tokens. Niemand hat sich diese Zahlen ausgedacht, sie sind beim Training entstanden. Tokens, die ähnlich gebraucht werden, haben dabei Vektoren bekommen, die in ähnliche Richtungen zeigen. Wie ähnlich, sagt der *Kosinus*: 1 heißt gleiche Richtung, 0 heißt rechter Winkel, unter 0 zeigen sie eher in entgegengesetzte Richtungen.",
  "embedding.label": "Ein englisches Wort",
  "embedding.words": "Wörter für den Anfang",
  "embedding.nearest": "Die nächsten unter allen Tokens, nach dem Kosinus",
  "embedding.tied":
    "Dieses kleine Modell benutzt ein und dieselbe Tabelle zweimal: hier und ganz am Schluss (Kapitel 6). Größere Modelle haben oft zwei.",
  "embedding.said":
    "Token {id}. Es beginnt mit seinem Leerzeichen, ␣. Sein Vektor hat {size} Zahlen: orange über null, blau darunter, je weiter weg, desto kräftiger.",
  "embedding.plain":
    "Token {id}. Sein Vektor hat {size} Zahlen: orange über null, blau darunter, je weiter weg, desto kräftiger.",
  "embedding.split": "Dieses Wort besteht aus mehreren Tokens, hier siehst du das erste davon. Token {id}.",
  "embedding.empty": "Schreib ein Wort.",
  "embedding.vector": "Der Vektor von {token}: {size} Zahlen",

  "order.title": "Reihenfolge",
  "order.one":
    "Ein Haufen Vektoren hat keine Reihenfolge. „Otto ruft Lily“ ist aber etwas anderes als „Lily ruft Otto“. Jedes Token blickt auf die Tokens vor ihm zurück; das heißt *Attention* (Aufmerksamkeit). Dafür bildet jedes Token aus seinem Vektor zwei Hilfsvektoren: wonach es sucht und was es anbietet. Nur diese dreht das Modell, um Winkel, die mit der *Position* wachsen. So merkt es, wie weit ein Token zurückliegt.",
  "order.two": "Beide Texte hier bestehen aus denselben Wörtern. Nur zwei Namen haben die Plätze getauscht.",
  "order.first": "Erster Text",
  "order.second": "Zweiter Text",
  "order.next": "Was als Nächstes kommen kann",
  "order.same": "Dieselben Wörter in anderer Reihenfolge, und das Modell rät anders: Auf die Reihenfolge kommt es an.",
  "order.unmoved": "Dieselben Wörter in anderer Reihenfolge, und doch bleiben hier die ersten Tipps gleich.",
  "order.spelling":
    "Dieselben Wörter in derselben Reihenfolge: Nur Leerzeichen, Satzzeichen oder Ähnliches sind anders.",
  "order.equal": "Beide Texte sind gleich.",
  "order.other": "Die Texte haben nicht mehr dieselben Wörter. Du hast mehr geändert als die Reihenfolge.",

  "layers.title": "Schicht für Schicht",
  "layers.one":
    "Jetzt gehen die Vektoren durch die *Schichten*, durch eine nach der anderen. In jeder holt sich ein Token zuerst etwas von den Tokens vor ihm (Attention), dann arbeitet es für sich allein an seinem Vektor. Was dabei herauskommt, wird zum Vektor addiert. So ändert er sich nach und nach.",
  "attention.one":
    "Wohin ein Token schaut, steht nicht im Programm, sondern ist gelernt. Jede Schicht hat mehrere *Köpfe* (Heads), und jeder Kopf verteilt 100 % auf die Tokens bis hierher: So viel holt er sich von jedem. Unten schaut das letzte Token zurück: Je kräftiger die Farbe, desto größer der Anteil. Der Kopf, mit dem es hier beginnt, hat wohl gelernt, nach dem zu suchen, der zuvor gesprochen hat. Ändere die Namen, die Schicht und den Kopf.",
  "attention.head": "Kopf",
  "attention.mean": "alle, im Mittel",
  "attention.said": "Am meisten holt sich {token} bei {most}.",
  "layers.two":
    "Was würde das Modell sagen, wenn nach einer Schicht Schluss wäre? Die Tabelle zeigt, worauf es dort am ehesten tippt und mit welcher Wahrscheinlichkeit. Man nennt diesen Blick *Logit Lens*, Logit-Linse.",
  "layers.label": "Der Anfang einer Geschichte",
  "layers.table": "Die besten Tipps nach jeder Schicht",
  "layers.layer": "Schicht",
  "layers.guess1": "1. Tipp",
  "layers.guess2": "2.",
  "layers.guess3": "3.",
  "layers.guess4": "4.",
  "layers.said":
    "In der letzten Zeile steht, was das Modell sagt: {token} mit {share}. Umrandet siehst du, wo dieses Token vorher stand.",
  "layers.first": "Nach Schicht 1 war es noch nicht unter den ersten vier.",

  "context.title": "Ein Vektor mit Kontext",
  "context.one":
    "Am Anfang hat jedes „a“ denselben Vektor. Nach der letzten Schicht nicht mehr, denn er hat aufgenommen, was davor steht. Einen solchen Vektor nennt man *Hidden State*, verborgenen Zustand. Allein anhand des letzten Hidden States des letzten Tokens rät das Modell, wie es weitergeht.",
  "context.label": "Zwei Texte, die mit demselben Token enden. Ändere, was davor steht.",
  "context.before": "Kosinus der Embeddings",
  "context.before-note": "der beiden letzten Tokens, vor der ersten Schicht",
  "context.after": "Kosinus der Hidden States",
  "context.after-note": "nach der letzten Schicht",
  "context.same":
    "Beide Texte enden mit {token}. In der Tabelle war das noch derselbe Vektor (Kosinus 1), jetzt sind es zwei.",
  "context.equal": "Beide Texte sind gleich, also sind es auch die Hidden States.",
  "context.other":
    "Die Texte enden mit verschiedenen Tokens, {a} und {b}. Ihre Vektoren waren also von Anfang an verschieden.",
  "context.vector": "Der Hidden State des letzten Tokens: {size} Zahlen",

  "head.title": "Vom Vektor zur Punktzahl",
  "head.one":
    "Die *lineare Ausgabeschicht* (Linear Head) ist eine Tabelle mit einer Zeile für jedes Token, und jede Zeile ist so lang wie der Hidden State. Multipliziere beide Zahl für Zahl und zähle alle Produkte zusammen, dann hast du die Punktzahl des Tokens, sein *Logit*. Diese Summe heißt Skalarprodukt: Je besser Zeile und Hidden State zusammenpassen, desto größer ist sie.",
  "head.choose": "Such dir ein Token aus:",
  "head.choices": "Das Token, dessen Logit gezeigt wird",
  "head.products":
    "Die größten Produkte, jedes mit der Nummer seiner Stelle in den beiden Vektoren. Nach rechts spricht für das Token, nach links dagegen.",
  "head.shown": "diese Produkte",
  "head.shown-note": "zusammengezählt",
  "head.sum": "alle Produkte",
  "head.count": "{count} sind es, zusammengezählt",
  "head.logit": "Logit",
  "head.logit-note": "so wie ihn das Programm nennt, das mit gerundeten Zahlen rechnet",
  "head.product": "{place}: {hidden} × {row}",

  "softmax.title": "Von Punktzahlen zu Wahrscheinlichkeiten",
  "softmax.one":
    "Ein Logit kann jede Zahl sein, auch eine unter null. Damit Wahrscheinlichkeiten daraus werden, wird jeder zur Hochzahl: e hoch Logit. Das ist immer größer als null, und wenn der Logit um eins wächst, wird es 2,7-mal so groß. Teilt man durch die Summe über alle Tokens, erhält man Anteile, die zusammen 100 % ergeben. Das ist der *Softmax*.",
  "softmax.show": "Was die Balken zeigen",
  "softmax.logit": "Logit",
  "softmax.power": "e hoch Logit",
  "softmax.share": "Anteil an der Summe",
  "softmax.bars": "Die Tokens mit den höchsten Logits",
  "softmax.others": "alle {count} anderen",
  "softmax.sum": "Summe von allen",
  "softmax.said-logit": "Die Logits, wie sie aus der linearen Ausgabeschicht (Linear Head) kommen.",
  "softmax.said-power": "e hoch Logit. Die Summe über alle {count} Tokens ist {total}.",
  "softmax.said-share": "Jeder Wert geteilt durch die Summe {total}. Zusammen sind es 100 %.",

  "training.title": "Wie es lernt",
  "training.one":
    "Woher kommen all diese Zahlen? Ein Modell fängt mit zufälligen an und liest Text. Nach jedem Token muss es raten, welches folgt, und die Antwort steht schon im Text: Die *Ziele* sind der Text selbst, um ein Token verschoben. So ist jede Stelle eine Aufgabe, und niemand muss Lösungen schreiben. Hier beginnt ein neues, viel kleineres Modell bei null; der Geschichtenerzähler bleibt, wie er ist.",
  "training.two":
    "Hat das richtige Token die Wahrscheinlichkeit p bekommen, kostet der Tipp −ln p: nichts bei 100 %, 0,7 bei 50 %, 4,6 bei 1 %. Der Mittelwert davon heißt *Kreuzentropie* oder Loss, also Verlust. Jeder Schritt verschiebt alle Zahlen des Modells ein wenig dorthin, wo der Loss kleiner wird.",
  "training.label": "Der Text, aus dem gelernt wird. Vor dem Start kannst du ihn ändern.",
  "training.anew": "Von vorn",
  "training.curve": "Der Loss, Schritt für Schritt",
  "training.sample": "Was es jetzt schreibt",
  "training.three":
    "Bei neuen Sätzen kann der Loss nicht auf null fallen: Wie einer weitergeht, steht nie ganz fest. Vieles lässt sich aber lernen, zum Beispiel, was auf ein häufiges Wort folgen kann. Schau auf die Ziele: Die vorhersehbaren werden zuerst billig.",
  "training.start": "Lernen lassen",
  "training.pause": "Pause",
  "training.go-on": "Weiter",
  "training.preparing": "Wird vorbereitet …",
  "training.step": "Schritt {step} von {steps}, Loss {loss}",
  "training.done": "Fertig nach {step} Schritten: Der Loss ist von {first} auf {loss} gefallen.",
  "training.paused": "Angehalten nach {step} Schritten, Loss {loss}.",
  "training.steps": "Schritte",
  "training.uniform": "blind geraten",
  "training.unigram": "nur Tokens gezählt",
  "training.line":
    "Eine Zeile aus dem Text. In jedem Kasten stehen ein Token, sein Ziel und die Wahrscheinlichkeit, die das Modell dem Ziel gerade gibt.",
  "training.mean": "Der Mittelwert von −ln p über diese Kästen ist {loss}.",
  "training.who": "Der Fuchs|Der Uhu|Der Bär|Der Kater|Der Frosch|Der Igel",
  "training.does": "schläft|singt|wartet|spielt|träumt|frisst",
  "training.where": "im Wald|am Fluss|unter dem Baum|auf dem Hügel|hinter dem Haus|neben dem See",

  "choosing.title": "Eines auswählen",
  "choosing.one":
    "Das Modell liefert Wahrscheinlichkeiten, aber am Ende muss es ein einziges Token sein. Immer das wahrscheinlichste zu nehmen heißt *greedy*, gierig, und dreht sich bald im Kreis. Deshalb wird gelost. Vorher wird aussortiert: *Top-k* behält nur die k wahrscheinlichsten Tokens, *Top-p* danach nur die wahrscheinlichsten, die zusammen den Anteil p von dem erreichen, was Top-k übrig lässt. Was dann noch da ist, formt die *Temperatur* um. Die Logits werden durch sie geteilt: Unter 1 gewinnen die wahrscheinlichen Tokens noch dazu, über 1 bekommen auch die unwahrscheinlichen eine Chance; bei 0 wird das wahrscheinlichste genommen (greedy).",
  "choosing.temperature": "Temperatur",
  "choosing.top-k": "Top-k: so viele bleiben",
  "choosing.top-p": "Top-p: dieser Anteil bleibt",
  "choosing.bars": "Umrandet: was das Modell angibt. Gefüllt: woraus gelost wird.",
  "choosing.line":
    "Alles, was übrig ist, auf einer Linie von 0 bis 1: Je wahrscheinlicher ein Token, desto länger sein Stück. Ein zufälliger Punkt trifft eines davon:",
  "choosing.draw": "Einen Punkt auslosen",
  "choosing.greedy": "Das wahrscheinlichste nehmen",
  "choosing.left": "Von {all} Tokens sind {left} übrig, aus denen gelost wird.",
  "choosing.one-left": "Nur ein Token ist übrig, da gibt es nichts zu losen.",
  "choosing.drew": "Der Punkt {point} trifft {token}. Dieses Stück macht {share} der Linie aus.",
  "choosing.took": "Am wahrscheinlichsten ist {token}. Das Modell gibt ihm {share}.",

  "loop.title": "Anhängen und von vorn",
  "loop.one":
    "Das ausgewählte Token wird an den Text gehängt, und alles beginnt von vorn: Der längere Text geht durch die Schichten, es gibt neue Logits, neue Wahrscheinlichkeiten und ein weiteres Token. Nichts steht im Voraus fest, und zurückgenommen wird auch nichts. So entsteht eine ganze Geschichte, Token für Token. Gelost wird hier mit üblichen Einstellungen, nicht mit denen aus Kapitel 9.",
  "loop.step": "Ein Token",
  "loop.anew": "Von vorn",
  "loop.text": "Der Text",
  "loop.two":
    "Mehr ist es nicht, auch nicht bei den größten Modellen: Sie haben mehr Tokens, längere Vektoren, mehr Schichten und mehr Text, aus dem sie lernen. Assistenten werden danach noch mit Beispielgesprächen trainiert und mit dem, was Menschen gefallen hat. Auch sie wählen Token für Token.",
  "loop.go": "Weiter",
  "loop.stop": "Stopp",
  "loop.said": "Token {count} von höchstens {most}: {token} wurde gelost. Das Modell gab ihm {share}.",
  "loop.full": "{most} Tokens sind genug. Fang von vorn an, dann wird es eine andere Geschichte.",
  "loop.context":
    "Länger kann dieses Modell einen Text nicht lesen. Fang von vorn an, dann wird es eine andere Geschichte.",
  "loop.ended": "Hier hat das Modell die Geschichte selbst beendet, mit einem Token, das Ende bedeutet.",

  quoted: "„{token}“",
  "load.begins": "Das Modell wird geladen …",
  "load.goes": "Das Modell wird geladen: {done} von {all} MB",
  "load.failed": "Das Modell ließ sich nicht laden: {why}.",
  "error.long": "Dieser Text ist zu lang für das kleine Modell, es liest höchstens 320 Tokens.",
  "error.short": "Dieser Text ist zu kurz.",
  "error.few": "Dieser Text ist zu kurz, um daraus zu lernen. Nimm mindestens etwa zehn Sätze.",
  "error.other": "Das hat nicht geklappt: {why}.",
};
