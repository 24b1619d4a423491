package site.larkfell.it;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeNotNull;

import java.net.HttpURLConnection;
import java.net.URL;
import org.junit.Test;

public class PublishIT {
    private static int tries;

    @Test
    public void magazineOpens() throws Exception {
        URL page = new URL(System.getProperty("it.publish.url") + "/us/en/magazine.html");
        assertEquals(200, ((HttpURLConnection) page.openConnection()).getResponseCode());
    }

    @Test
    public void settles() {
        tries += 1;
        assertTrue("not yet", tries > 1);
    }

    @Test
    public void authorIsThere() {
        assumeNotNull(System.getProperty("it.author.url"));
    }
}
